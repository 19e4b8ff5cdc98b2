// Decides how a line is read from a terminal without being shown there.
import { LIMITS } from '../core/limits.ts';

/** What is needed of a terminal's input (`tty.ReadStream`). */
export interface TerminalInput {
  setRawMode(raw: boolean): unknown;
  on(event: 'data', listener: (data: Buffer | string) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  off(event: 'data', listener: (data: Buffer | string) => void): unknown;
  off(event: 'end', listener: () => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

const [CTRL_C, CTRL_D, BACKSPACE, DELETE] = ['\u0003', '\u0004', '\b', '\u007f'];

/** Resolves to the line; null when it was called off by Ctrl-C, or by the end of the input. */
export async function readHidden(
  prompt: string,
  input: TerminalInput,
  write: (text: string) => void,
): Promise<string | null> {
  write(prompt);
  // In raw mode the terminal neither shows what is typed nor edits it.
  input.setRawMode(true);
  try {
    return await new Promise((resolve) => {
      let line: readonly string[] = [];
      const decoder = new TextDecoder();
      const finish = (value: string | null): void => {
        input.off('data', take);
        input.off('end', end);
        input.pause();
        resolve(value);
      };
      const end = (): void => finish(null);
      const take = (data: Buffer | string): void => {
        for (const character of typeof data === 'string' ? data : decoder.decode(data, { stream: true })) {
          if (character === '\r' || character === '\n') return finish(line.join(''));
          if (character === CTRL_C || (character === CTRL_D && line.length === 0)) return finish(null);
          if (character === BACKSPACE || character === DELETE) line = line.slice(0, -1);
          else if (character !== CTRL_D && line.length < LIMITS.keyFileBytesMax) line = [...line, character];
        }
      };
      input.on('data', take);
      input.on('end', end);
      input.resume();
    });
  } finally {
    input.setRawMode(false);
    write('\n');
  }
}
