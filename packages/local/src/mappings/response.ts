/** What a function's answer says about the messages of its batch. */

/**
 * With `ReportBatchItemFailures` (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html): no
 * answer, an empty one, and an empty or missing list mean that all is done. An identifier that is empty, missing or
 * none of the batch's, and whatever has another shape, mean that nothing is.
 *
 * @param payload JSON text of the answer.
 * @returns Ids of the messages that stay in the queue.
 */
export function failedMessages(payload: string, messageIds: string[]): Set<string> {
  const all = new Set(messageIds);
  let answer: unknown;
  try {
    answer = payload === "" ? null : JSON.parse(payload);
  } catch {
    return all;
  }
  if (answer === null || answer === undefined) return new Set();
  if (typeof answer !== "object" || Array.isArray(answer)) return all;
  const { batchItemFailures: failures } = answer as { batchItemFailures?: unknown };
  if (failures === null || failures === undefined) return new Set();
  if (!Array.isArray(failures)) return all;
  const failed = new Set<string>();
  for (const failure of failures as unknown[]) {
    const id = (failure as { itemIdentifier?: unknown } | null)?.itemIdentifier;
    if (typeof id !== "string" || !all.has(id)) return all;
    failed.add(id);
  }
  return failed;
}
