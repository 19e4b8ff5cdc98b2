// Decides how the whole registry is given out as documents, the same bytes for the same content.
import { z } from 'zod';
import { DOCUMENT_KINDS } from '../../../core/catalog/document.ts';
import { inOrder, yamlOf } from '../document-text.ts';
import { READERS, REVISION_HEADER, type Route, route } from '../route.ts';

const anyKind = z.looseObject({ kind: z.enum(Object.keys(DOCUMENT_KINDS) as [string]), name: z.string() });

export const exportRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/export',
    access: READERS,
    summary:
      'All documents, kind by kind in the order in which they can be applied, then by name; secrets without what they hold. To apply it changes nothing. `Accept: application/json` gives a body for `/v1/apply`.',
    answers: {
      200: {
        doc: 'YAML (`application/yaml`, several documents), or JSON when that is accepted and YAML is not.',
        schema: z.strictObject({ documents: z.array(anyKind) }),
      },
    },
    examples: [
      { title: 'As YAML', path: '/v1/export', status: 200 },
      { title: 'As JSON', path: '/v1/export', headers: { accept: 'application/json' }, status: 200 },
    ],
    async handle({ headers }, { registry }) {
      const { revision, documents } = registry.snapshot();
      const head = { [REVISION_HEADER]: String(revision), vary: 'accept' };
      const accept = headers.get('accept') ?? '';
      if (/\bapplication\/json\b/i.test(accept) && !/\byaml\b/i.test(accept)) {
        return Response.json({ documents: documents.map(({ document }) => inOrder(document)) }, { headers: head });
      }
      const text = documents.map(({ document }) => `---\n${yamlOf(document)}`).join('');
      return new Response(text, { headers: { ...head, 'content-type': 'application/yaml; charset=utf-8' } });
    },
  }),
];
