// Addresses, as far as the page needs to take them apart (RFC 7622); the server checks them.
export interface Parts {
  user: string;
  host: string;
  resource: string;
}

export function partsOf(jid: string): Parts {
  const slash = jid.indexOf("/");
  const bare = slash < 0 ? jid : jid.slice(0, slash);
  const at = bare.indexOf("@");
  return {
    user: at < 0 ? "" : bare.slice(0, at),
    host: bare.slice(at + 1),
    resource: slash < 0 ? "" : jid.slice(slash + 1),
  };
}

export function bareOf(jid: string): string {
  return jid.split("/", 1)[0]!;
}
