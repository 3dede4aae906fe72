/** A failure that the user can mend: its message is complete, its stack is of no interest. */
export class SynthesisError extends Error {
  override readonly name = "SynthesisError";
}

/** One readable text for whatever a program threw: no stack, but the first line of the app's own files. */
export function describe(error: unknown, appDir: string): string {
  if (!(error instanceof Error)) return typeof error === "string" ? error : JSON.stringify(error);
  const secret = (error as { secretName?: unknown }).secretName;
  if (typeof secret === "string")
    return `the secret "${secret}" has no value: set SST_SECRET_${secret} in the environment or in .env, or give the sst.Secret a placeholder`;
  const errors = (error as { errors?: { text?: string; location?: { file: string; line: number } }[] })
    .errors;
  if (Array.isArray(errors) && errors.length > 0)
    return errors
      .map(({ text, location }) => (location ? `${location.file}:${location.line}: ${text}` : text))
      .join("\n");
  const frame = (error.stack ?? "")
    .split("\n")
    .find(
      (line) => line.includes(appDir) && !line.includes("node_modules") && !line.includes(".sst/platform"),
    );
  const place = frame && /\(?((?:file:\/\/)?\/[^()]+:\d+):\d+\)?$/.exec(frame.trim())?.[1];
  return place
    ? `${error.message} (${place.replace("file://", "").replace(`${appDir}/`, "")})`
    : error.message;
}
