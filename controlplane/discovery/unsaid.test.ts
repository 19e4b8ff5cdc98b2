import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { closeAll, setup, target } from './testdata/world.ts';
import { withoutSecrets } from './unsaid.ts';

afterEach(closeAll);

const SECRET = 'sk-0123456789-abcdefghij';
const HIDDEN = 'it answers with an error that repeats a secret which it was sent, so its words are not shown';

describe('what a server says of a failure', () => {
  test.each<[string, string, readonly string[], string]>([
    ['is shown', 'initialize: bad key', [SECRET], 'initialize: bad key'],
    ['is shown when it was sent nothing', `initialize: ${SECRET}`, [], `initialize: ${SECRET}`],
    ['is not shown with a secret in it', `initialize: bad key ${SECRET}!`, [SECRET], HIDDEN],
    ['is not shown with the beginning of one, as it was cut there', `bad key ${SECRET.slice(0, 17)}`, [SECRET], HIDDEN],
    ['is shown with less than that', `bad key ${SECRET.slice(0, 12)}…`, [SECRET], `bad key ${SECRET.slice(0, 12)}…`],
    ['is not shown with one as JSON writes it', 'HTTP 500: {"found":"a\\"b"}', ['a"b'], HIDDEN],
    ['is not shown with the second of two', `found ${SECRET}`, ['other', SECRET], HIDDEN],
  ])('%s', (_, error, secrets, shown) => {
    expect(withoutSecrets(error, secrets)).toBe(shown);
  });

  test('is neither logged nor saved when it repeats a secret', async () => {
    const lines: string[] = [];
    const { discovery, saved } = setup(
      { initialize: () => ({ rpcError: { code: -32000, message: `invalid API key: Bearer ${SECRET}` } }) },
      { log: pino({ level: 'debug' }, { write: (line) => void lines.push(line) }), secrets: { a: SECRET } },
    );
    discovery.sync([target('a')]);
    expect((await saved()).outcome).toEqual({ ok: false, error: HIDDEN });
    expect(lines.join('')).toContain(HIDDEN);
    expect(lines.join('')).not.toContain(SECRET);
  });
});
