// Decides where the OpenAPI document is read.
import { z } from 'zod';
import { openApiDocument } from '../openapi.ts';
import { READERS, type Route, route } from '../route.ts';

/** `routes` is asked when somebody reads it, as this route is one of them. */
export function openApiRoute(routes: () => readonly Route[]): Route {
  let document: object | undefined;
  return route({
    method: 'GET',
    path: '/openapi.json',
    access: READERS,
    summary: 'This API as an OpenAPI 3.1 document.',
    answers: {
      200: { doc: 'The document.', schema: z.looseObject({ openapi: z.string(), paths: z.looseObject({}) }) },
    },
    examples: [],
    async handle() {
      document ??= openApiDocument(routes());
      return Response.json(document);
    },
  });
}
