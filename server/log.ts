/** One line of JSON for each thing worth knowing, on standard error. Never a request's body, a key or a card. */

export type Level = 'error' | 'warn' | 'info' | 'silent';

export type Log = {
  error(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
};

const ORDER: Level[] = ['error', 'warn', 'info'];

export function openLog(level: Level, write: (line: string) => void = (line) => process.stderr.write(line)): Log {
  const say = (at: Level) => (message: string, fields: object = {}) => {
    if (level === 'silent' || ORDER.indexOf(at) > ORDER.indexOf(level)) return;
    write(`${JSON.stringify({ level: at, message, ...fields })}\n`);
  };
  return { error: say('error'), warn: say('warn'), info: say('info') };
}

/** An error as the log shows it: with its stack, which never goes to a caller, and with what caused it. */
export function told(error: unknown): object {
  return error instanceof Error ? { error: error.message, stack: error.stack, ...(error.cause !== undefined && { cause: told(error.cause) }) } : { error: String(error) };
}
