// Decides how a document is written as YAML, the same bytes for the same content.
import { stringify } from 'yaml';
import { DOCUMENT_KINDS, type Document } from '../../core/catalog/document.ts';
import { canonicalJson } from '../../core/runtime/canonical.ts';
import { withoutSecrets } from './shown.ts';

/** Members in the order of the schema, which is the one that people write; keys of a map by code unit. */
export function inOrder(document: Document): Document {
  const sorted: unknown = JSON.parse(canonicalJson(withoutSecrets(document)));
  const read = DOCUMENT_KINDS[document.kind].schema.safeParse(sorted);
  return read.success ? read.data : (sorted as Document);
}

export function yamlOf(document: Document): string {
  // Without folding and without anchors, so that one changed word is one changed line.
  return stringify(inOrder(document), { lineWidth: 0, aliasDuplicateObjects: false });
}
