// Decides how the official registry API refuses: in its own words, `{error}`, as its clients know them.
import { API_ERRORS, type ApiError } from '../error.ts';

export const REGISTRY_PATHS = /^\/v0\.1\//;

export function registryRefusal({ code, detail, headers }: ApiError): Response {
  const { status, title } = API_ERRORS[code];
  return Response.json({ error: detail === undefined ? title : `${title}: ${detail}` }, { status, headers });
}
