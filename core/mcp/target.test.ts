import { describe, expect, test } from 'vitest';
import { type Message, parseMessage } from './message.ts';
import { targetName, targetOf, targetSpan } from './target.ts';

function messageOf(params: string): Message {
  const parsed = parseMessage(
    Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":${params}}}`),
  );
  if (!parsed.ok) throw new Error(parsed.code);
  return parsed.message;
}

describe('a reference', () => {
  test.each([
    ['to a prompt names it', '{"type":"ref/prompt","name":"summary"}', 'prompt', 'summary'],
    ['to a prompt, whatever else it says', '{"uri":"x","name":"a","title":"t","type":"ref/prompt"}', 'prompt', 'a'],
    ['to a resource names its URI', '{"type":"ref/resource","uri":"file:///a"}', 'resource', 'file:///a'],
    ['to a template names it as it is listed', '{"type":"ref/resource","uri":"x://{id}"}', 'resource', 'x://{id}'],
    ['with escapes in its keys', '{"\\u0074ype":"ref/prompt","na\\u006de":"a"}', 'prompt', 'a'],
    ['without a name', '{"type":"ref/prompt"}', 'prompt', null],
    ['with a number for a name', '{"type":"ref/prompt","name":1}', 'prompt', null],
  ])('%s', (_, ref, kind, name) => {
    const message = messageOf(ref);
    const target = targetOf(message, 'reference');
    expect(target?.kind).toBe(kind);
    expect(target && targetName(message, target)).toBe(name);
  });

  test.each([
    ['of no known kind', '{"type":"ref/tool","name":"a"}'],
    ['of a kind that every object has', '{"type":"constructor","name":"a"}'],
    ['that names two things', '{"type":"ref/prompt","name":"a","Name":"b"}'],
    ['that is of two kinds', '{"type":"ref/prompt","TYPE":"ref/resource","name":"a"}'],
    ['that is a text', '"ref/prompt"'],
    ['that is a list', '[{"type":"ref/prompt","name":"a"}]'],
    ['that is nothing', 'null'],
  ])('%s has no target', (_, ref) => {
    expect(targetOf(messageOf(ref), 'reference')).toBeNull();
  });

  test('stands where its bytes stand, behind characters of several bytes', () => {
    const message = messageOf('{"x":"é€","type":"ref/prompt","name":"summary"}');
    const span = targetSpan(message, 'ref')!;
    expect(message.bytes.toString('utf8', span.start, span.end)).toBe('"summary"');
  });
});
