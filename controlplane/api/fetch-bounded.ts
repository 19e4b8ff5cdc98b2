// Decides how much of another party's answer is read, for how long, and from where: not from where it sends us.
import { LIMITS } from '../../core/limits.ts';

/** A GET. Rejects when it is redirected, takes too long or is too large. */
export async function fetchBounded(
  url: string,
  { headers, signal }: { readonly headers?: Headers; readonly signal?: AbortSignal },
): Promise<Response> {
  const deadline = AbortSignal.timeout(LIMITS.adminIssuerDeadlineMs);
  const response = await fetch(url, {
    redirect: 'error',
    signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    ...(headers === undefined ? {} : { headers }),
  });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels what is still to come.
    if (bytes > LIMITS.adminIssuerBytesMax)
      throw new Error(`the answer is larger than ${LIMITS.adminIssuerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status: response.status });
}
