/** One line of JSON for each thing worth knowing, on standard error. Never a request's body, a key or a card; what looks like a card's number is hidden all the same. */
import { withoutCardNumbers } from '../billing/payment/card_number.ts';

type Level = 'error' | 'warn' | 'info' | 'silent';

export type Log = {
  error(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
};

const ORDER: Level[] = ['error', 'warn', 'info'];

/** Numbers are texts here, too: a card's may have come as either. */
function hidden(_name: string, value: unknown): unknown {
  if (typeof value === 'string') return withoutCardNumbers(value);
  if (typeof value !== 'number' && typeof value !== 'bigint') return value;
  const told = withoutCardNumbers(String(value));
  return told === String(value) && typeof value === 'number' ? value : told;
}

export function openLog(level: Level, write: (line: string) => void = (line) => process.stderr.write(line)): Log {
  const say = (at: Level) => (message: string, fields: object = {}) => {
    if (level === 'silent' || ORDER.indexOf(at) > ORDER.indexOf(level)) return;
    write(`${JSON.stringify({ level: at, message, ...fields }, hidden)}\n`);
  };
  return { error: say('error'), warn: say('warn'), info: say('info') };
}

/** An error as the log shows it: with its stack, which never goes to a caller, and with what caused it. */
export function told(error: unknown): object {
  return error instanceof Error ? { error: error.message, stack: error.stack, ...(error.cause !== undefined && { cause: told(error.cause) }) } : { error: String(error) };
}
