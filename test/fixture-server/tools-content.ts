// Decides which tools of the fixture answer at once, and with which kinds of content.
import { PNG_BASE64, WAV_BASE64 } from './samples.ts';
import { type FixtureTool, text } from './tool.ts';

/** The keywords of JSON Schema 2020-12 that a relay may lose (SEP-1613, SEP-2106); the suite looks for each. */
const SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  additionalProperties: false,
};

const embedded = (uri: string, mimeType: string, value: string) =>
  ({ type: 'resource', resource: { uri, mimeType, text: value } }) as const;
const image = { type: 'image', data: PNG_BASE64, mimeType: 'image/png' } as const;

export const CONTENT_TOOLS: readonly FixtureTool[] = [
  {
    name: 'test_simple_text',
    description: 'Answers with one text.',
    run: () => text('This is a simple text response for testing.'),
  },
  {
    name: 'test_image_content',
    description: 'Answers with one image.',
    run: () => ({ content: [image] }),
  },
  {
    name: 'test_audio_content',
    description: 'Answers with one sound.',
    run: () => ({ content: [{ type: 'audio', data: WAV_BASE64, mimeType: 'audio/wav' }] }),
  },
  {
    name: 'test_embedded_resource',
    description: 'Answers with a resource inside the result.',
    run: () => ({
      content: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
    }),
  },
  {
    name: 'test_multiple_content_types',
    description: 'Answers with a text, an image and a resource.',
    run: () => ({
      content: [
        { type: 'text', text: 'Multiple content types test:' },
        image,
        embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
      ],
    }),
  },
  {
    name: 'test_error_handling',
    description: 'Always fails, as a tool fails.',
    run: () => {
      throw new Error('This tool intentionally returns an error for testing');
    },
  },
  {
    name: 'json_schema_2020_12_tool',
    description: 'Has an input schema with the keywords of JSON Schema 2020-12.',
    inputSchema: SCHEMA_2020_12,
    run: (args) => text(`received ${JSON.stringify(args)}`),
  },
  {
    name: 'test_x_mcp_header',
    description: 'Has an argument that a modern client repeats in the header Mcp-Param-Region.',
    inputSchema: {
      type: 'object',
      properties: { region: { type: 'string', description: 'Any region.', 'x-mcp-header': 'Region' } },
    },
    run: ({ region }) => text(`region ${String(region)}`),
  },
];
