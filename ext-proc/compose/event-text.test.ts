import { expect, test } from 'vitest';
import { SseParser } from '../../core/mcp/sse.ts';
import { eventText } from './event-text.ts';

test.each<[string, string, string | null, number | undefined, object]>([
  ['a message', '{"a":1}', null, undefined, { id: null, data: '{"a":1}' }],
  ['a message on several lines', '{\n"a":\r\n1\r}', null, undefined, { data: '{\n"a":\n1\n}' }],
  ['an id and a time', '{}', 'e1', 5, { id: 'e1', retry: 5, data: '{}' }],
  ['a priming event', '', 'e1', undefined, { id: 'e1', data: '' }],
])('%s is read as it was written', (_, data, id, retry, wanted) => {
  const events = new SseParser(1000).push(eventText(data, id, retry));
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject(wanted);
});
