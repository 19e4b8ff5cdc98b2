// Decides what a log line looks like, and that no secret gets into one.
import { type Logger, pino } from 'pino';

export type { Logger };

/** JSON lines on standard error, one event each: `part`, `msg`, and values. Members that may carry secrets are cut. */
export function createLogger(part: string, level: string): Logger {
  return pino(
    {
      level,
      base: { part },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: [
          'token',
          'authorization',
          'headers.authorization',
          'headers.cookie',
          'key',
          'secret',
          'env',
          '*.token',
          '*.key',
          '*.secret',
          '*.env',
        ],
        censor: '(cut)',
      },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
