import { expect, test } from 'vitest';
import { greeting } from './greeting.ts';

const settings = { publicUrl: 'https://mcp.example.com', apiHost: '::1', apiPort: 8080 };

test('the first line says where, and the lines to paste carry the token', () => {
  const lines = greeting(settings, { token: 'a.b.c' }).split('\n');
  expect(lines[0]).toBe('ready https://mcp.example.com/mcp');
  expect(lines).toContain('  API      http://[::1]:8080/v1');
  expect(lines).toContain(
    '  claude mcp add --transport http chancery https://mcp.example.com/mcp --header "Authorization: Bearer a.b.c"',
  );
  expect(lines).toContain('  curl -H "Authorization: Bearer a.b.c" https://mcp.example.com/v1/surfaces/default/tools');
});

test('without a surface at /mcp nothing is pasted that would not work', () => {
  const text = greeting(settings, 'no surface');
  expect(text).toContain('There is no surface "default" at /mcp');
  expect(text).not.toMatch(/Bearer|curl/);
});

test('without a token there is nothing to paste', () => {
  expect(greeting(settings, null)).not.toMatch(/Bearer|token/);
});
