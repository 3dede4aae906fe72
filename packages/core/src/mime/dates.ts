const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Zone names of RFC 5322 §4.3, and those of Europe that old senders write, in minutes. */
const zones: Record<string, number> = {
  ut: 0,
  utc: 0,
  gmt: 0,
  z: 0,
  est: -300,
  edt: -240,
  cst: -360,
  cdt: -300,
  mst: -420,
  mdt: -360,
  pst: -480,
  pdt: -420,
  wet: 0,
  bst: 60,
  cet: 60,
  met: 60,
  mez: 60,
  cest: 120,
  mest: 120,
  mesz: 120,
  eet: 120,
  eest: 180,
  msk: 180,
  jst: 540,
  nzst: 720,
};

/** `1 Jul 2003 10:52:37 +0200`, dashes allowed between day, month and year, seconds and zone optional. */
const rfc5322 =
  /(\d{1,2})[\s-]*([a-z]{3})[a-z]{0,6}\.?,?[\s-]*(\d{2,4})[\s,]+(\d{1,2})\s*[:.]\s*(\d{1,2})(?:\s*[:.]\s*(\d{1,2})(?:[.,]\d{1,9})?)?\s*(am\b|pm\b)?\s*([+-]\s?\d{1,2}:?\d{2}|[a-z]{1,5}(?:[+-]\d{1,2}:?\d{2})?)?/;
/** `Tue Jul  1 10:52:37 2003`, with the zone before or after the year. */
const asctime =
  /([a-z]{3})[a-z]{0,6}\s+(\d{1,2}),?\s+(?:(\d{4}),?\s+)?(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(am\b|pm\b)?\s*([+-]\d{4}|[a-z]{1,5})?\s*(\d{4})?\s*([+-]\d{4})?/;
/** ISO 8601, which some scripts write. */
const iso =
  /(\d{4})[-/](\d{2})[-/](\d{2})[t\s]+(?:[a-z]{3},?\s+)?(\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s*([+-]\d{2}:?\d{2}|[a-z]{1,5})?/;

/** Minutes east of UTC. Unknown names and the military letters mean -0000 (RFC 5322 §4.3). */
function zoneMinutes(zone: string | undefined): number {
  const text = (zone ?? "").replace(/\s/g, "");
  const numeric = /([+-])(\d{1,2}):?(\d{2})$/.exec(text);
  if (numeric === null) return zones[text] ?? 0;
  const minutes = Number(numeric[2]) * 60 + Number(numeric[3]);
  if (Number(numeric[3]) > 59 || minutes > 15 * 60) return 0;
  return numeric[1] === "-" ? -minutes : minutes;
}

/**
 * RFC 5322 §4.3: two digits are 19xx from 50 on and 20xx below, three digits count from 1900. So do four that start
 * with 0 ("0102"), which mailers of 2000 and later still write for 2002.
 */
function fullYear(text: string): number {
  const year = Number(text);
  if (text.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return year < 1000 ? 1900 + year : year;
}

function instant(
  year: number,
  month: number,
  day: number,
  time: readonly [
    hour: string | undefined,
    minute: string | undefined,
    second: string | undefined,
    half?: string,
  ],
  zone: string | undefined,
): Date | undefined {
  const [hourText, minuteText, secondText, half] = time;
  let hour = Number(hourText);
  const minute = Number(minuteText);
  const second = Number(secondText ?? 0);
  if (half === "pm" && hour < 12) hour += 12;
  else if (half === "am" && hour === 12) hour = 0;
  if (month < 0 || month > 11 || hour > 24 || minute > 59 || second > 60 || year < 1900 || year > 9999)
    return undefined;
  if (day < 1 || day > new Date(Date.UTC(year, month + 1, 0)).getUTCDate()) return undefined;
  return new Date(Date.UTC(year, month, day, hour, minute - zoneMinutes(zone), second));
}

/** Without comments, which nest (RFC 5322 §3.2.2). */
function withoutComments(text: string): string {
  let depth = 0;
  let plain = "";
  for (const char of text) {
    if (char === "(") depth++;
    else if (char === ")" && depth > 0) depth--;
    else if (depth === 0) plain += char;
  }
  return plain;
}

/**
 * Instant of a date field (RFC 5322 §3.3 with the obsolete forms of §4.3, asctime and ISO 8601). A missing or unknown
 * zone is read as UTC, never as this machine's. Undefined for what is no date.
 */
export function parseDate(value: string): Date | undefined {
  const text = withoutComments(value.slice(0, 200)).toLowerCase().trim();
  const usual = rfc5322.exec(text);
  if (usual !== null) {
    const [, day, month = "", year = "", hour, minute, second, half, zone] = usual;
    const date = instant(
      fullYear(year),
      months.indexOf(month),
      Number(day),
      [hour, minute, second, half],
      zone,
    );
    if (date !== undefined) return date;
  }
  const ctime = asctime.exec(text);
  if (ctime !== null) {
    const [, month = "", day, yearBefore, hour, minute, second, half, zone, yearAfter, zoneAfter] = ctime;
    const year = yearBefore ?? yearAfter;
    if (year !== undefined) {
      return instant(
        Number(year),
        months.indexOf(month),
        Number(day),
        [hour, minute, second, half],
        zoneAfter ?? zone,
      );
    }
  }
  const standard = iso.exec(text);
  if (standard !== null) {
    const [, year, month, day, hour, minute, second, zone] = standard;
    return instant(Number(year), Number(month) - 1, Number(day), [hour, minute, second], zone);
  }
  return undefined;
}
