// Numbers, sizes and times as people of each language write them.
import { locale, t } from "./i18n";

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(locale.value, { maximumFractionDigits: digits }).format(value);
}

export function percent(value: number): string {
  const style = { style: "percent", maximumFractionDigits: 0 } as const;
  return new Intl.NumberFormat(locale.value, style).format(value / 100);
}

export function bytes(value: number): string {
  let step = 0;
  while (value >= 1024 && step < 4) {
    value /= 1024;
    ++step;
  }
  return `${number(value, step > 0 && value < 10 ? 1 : 0)} ${t.value.units.bytes[step]}`;
}

// In its two largest units: "3 d 4 h".
export function duration(seconds: number): string {
  const sizes = [86_400, 3_600, 60, 1];
  const whole = Math.max(0, Math.round(seconds));
  const unit = sizes.findIndex((size) => whole >= size || size === 1);
  const said = (count: number, i: number) => `${number(count)} ${t.value.units.times[i]}`;
  const major = said(Math.floor(whole / sizes[unit]!), unit);
  const less = sizes[unit + 1];
  const minor = less === undefined ? 0 : Math.floor((whole % sizes[unit]!) / less);
  return minor > 0 ? `${major} ${said(minor, unit + 1)}` : major;
}

export function moment(time: string | number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  const style = { dateStyle: "medium", timeStyle: "medium" } as const;
  return new Intl.DateTimeFormat(locale.value, style).format(date);
}

export function day(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return new Intl.DateTimeFormat(locale.value, { dateStyle: "medium" }).format(date);
}

// 14:05:09.123
export function clock(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const two = (n: number) => String(n).padStart(2, "0");
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}
