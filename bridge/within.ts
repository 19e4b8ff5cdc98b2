// Decides that a wait has an end.

/** Resolves when the promise does, at the latest after `deadlineMs`. */
export async function within(promise: Promise<unknown>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs);
  });
  await Promise.race([promise, deadline]).finally(() => clearTimeout(timer));
}
