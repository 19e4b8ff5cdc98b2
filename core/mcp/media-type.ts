// Decides which media type a header's value names.

/** Without parameters, in small letters; '' where there is none. */
export function mediaType(value: string): string {
  return (value.split(';', 1)[0] ?? '').trim().toLowerCase();
}
