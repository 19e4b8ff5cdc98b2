// Decides which items of the fixture come and go: the same ones for every client, in either era.
import { fromJsonSchema, type McpServer } from '@modelcontextprotocol/server';
import { type ChangingList, text } from './tool.ts';

/** Items that are on a list after every other change of it. */
interface Item {
  enable(): void;
  disable(): void;
}

export interface Changing {
  /** The items as they are now; with `follow` also as they will be, until the instance is closed. */
  register(server: McpServer, follow: boolean): void;
  change(list: ChangingList): void;
}

const NO_ARGUMENTS = fromJsonSchema<Readonly<Record<string, unknown>>>({ type: 'object', properties: {} });

/** `tell`: says it to those who listen to no instance. */
export function createChanging(tell: (list: ChangingList) => void): Changing {
  const shown: Record<ChangingList, boolean> = { tools: false, prompts: false };
  const followers = new Set<Readonly<Record<ChangingList, Item>>>();
  const put = (item: Item, list: ChangingList): void => (shown[list] ? item.enable() : item.disable());
  return {
    register(server, follow) {
      const tool = { description: 'Is there after every other change.', inputSchema: NO_ARGUMENTS };
      const prompt = { description: 'Is there after every other change.' };
      const items: Readonly<Record<ChangingList, Item>> = {
        tools: server.registerTool('test_coming_and_going', tool, () => text('here')),
        prompts: server.registerPrompt('test_coming_and_going_prompt', prompt, () => ({
          messages: [{ role: 'user', content: { type: 'text', text: 'here' } }],
        })),
      };
      put(items.tools, 'tools');
      put(items.prompts, 'prompts');
      if (!follow) return;
      followers.add(items);
      server.server.onclose = () => void followers.delete(items);
    },
    change(list) {
      shown[list] = !shown[list];
      for (const items of followers) put(items[list], list);
      tell(list);
    },
  };
}
