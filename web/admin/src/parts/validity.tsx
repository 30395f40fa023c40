// How long a certificate is still good.
import { t } from "../i18n";
import { State } from "./heading";

const DAY_MS = 86_400_000;
const SOON_DAYS = 21;

export function Validity({ until, selfSigned }: { until: string; selfSigned: boolean }) {
  const words = t.value.certificates;
  const days = Math.floor((Date.parse(until) - Date.now()) / DAY_MS);
  const kind = days < 0 ? "bad" : days < SOON_DAYS || selfSigned ? "warn" : "good";
  return (
    <State kind={kind}>
      {days < 0 ? words.expired : words.days(days)}
      {selfSigned && `, ${words.selfSigned}`}
    </State>
  );
}
