// What operators do to accounts and sessions, as questions over any page.
import { change } from "../api";
import { t } from "../i18n";
import { bareOf, partsOf } from "../jid";
import { ask } from "./dialog";

function account(jid: string): { user: string; host: string } {
  const { user, host } = partsOf(jid);
  return { user, host };
}

// Each calls `after` when it is done.
type After = () => void;

export function createAccount(host: string, hosts: string[], after: (jid: string) => void): void {
  const words = t.value.users;
  ask({
    title: words.create,
    fields: [
      { name: "user", label: words.name, help: words.nameHelp },
      { name: "host", label: words.host, type: "select", choices: hosts, value: host },
      { name: "password", label: words.password, type: "password" },
    ],
    action: words.create,
    act: async (values) => {
      await change("register", values);
      const jid = `${values["user"]}@${values["host"]}`;
      after(jid);
      return words.created(jid);
    },
  });
}

export function changePassword(jid: string, after: After): void {
  const words = t.value.users;
  ask({
    title: words.changePassword,
    text: words.changePasswordMeans(jid),
    fields: [{ name: "password", label: words.newPassword, type: "password" }],
    action: words.changePassword,
    act: async ({ password }) => {
      await change("change_password", { ...account(jid), password });
      after();
      return words.passwordChanged(jid);
    },
  });
}

export function ban(jid: string, after: After): void {
  const words = t.value.users;
  ask({
    title: words.banTitle(jid),
    text: words.banMeans,
    fields: [{ name: "reason", label: words.reason, help: words.banReasonHelp }],
    action: words.ban,
    danger: true,
    act: async ({ reason }) => {
      await change("ban_account", { ...account(jid), reason });
      after();
      return words.banned(jid);
    },
  });
}

export function unban(jid: string, after: After): void {
  const words = t.value.users;
  ask({
    title: words.unbanTitle(jid),
    action: words.unban,
    act: async () => {
      await change("unban_account", account(jid));
      after();
      return words.unbanned(jid);
    },
  });
}

export function kickAccount(jid: string, after: After): void {
  const words = t.value.users;
  ask({
    title: words.kickAllTitle(jid),
    text: words.kickMeans,
    action: words.kickAll,
    danger: true,
    act: async () => {
      await change("kick_user", account(jid));
      after();
      return words.kicked(jid);
    },
  });
}

export function kickSession(jid: string, after: After): void {
  const words = t.value.users;
  const { resource } = partsOf(jid);
  ask({
    title: words.kickTitle(jid),
    text: words.kickMeans,
    fields: [{ name: "reason", label: words.reason, help: words.kickReasonHelp }],
    action: words.kick,
    danger: true,
    act: async ({ reason }) => {
      await change("kick_session", { ...account(jid), resource, reason });
      after();
      return words.kicked(jid);
    },
  });
}

export function deleteAccount(jid: string, after: After): void {
  const words = t.value.users;
  ask({
    title: words.deleteTitle(jid),
    text: words.deleteMeans,
    fields: [{ name: "typed", label: words.typeAddress, help: jid, exactly: jid }],
    action: words.delete,
    danger: true,
    act: async () => {
      await change("unregister", account(bareOf(jid)));
      after();
      return words.deleted(jid);
    },
  });
}
