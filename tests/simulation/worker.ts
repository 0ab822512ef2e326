/**
 * A worker in a process of its own, to be killed. It sees the database of a test at a moment that it is given, and asks a sandbox whose book is in that database, so that what was charged outlives it.
 *
 * `naive` makes it what it must not be: each statement is its own transaction.
 */
import type pg from 'pg';
import { sandbox, type Book, type Entry } from '../../connectors/processors/sandbox/sandbox.ts';
import { vaultOff } from '../../connectors/vault/vault.ts';
import { rooms } from '../../resources/register.ts';
import { open } from '../../server/app.ts';
import { machineClock } from '../../server/clock.ts';
import { Batch, type Step } from '../../server/database/batch.ts';
import { connections } from '../../server/database/database.ts';
import { openLog } from '../../server/log.ts';

export type WorkerOrder = { urls: { owner: string; app: string }; now: number; naive: boolean; /** One in so many answers of the processor is lost after it took effect. */ lost: number };

/** What reached the processor, in a table that no world owns. */
function book(pool: pg.Pool): Book {
  const revive = (_name: string, value: unknown) => (typeof value === 'string' && /^bigint:/.test(value) ? BigInt(value.slice(7)) : value);
  const replace = (_name: string, value: unknown) => (typeof value === 'bigint' ? `bigint:${value}` : value);
  return {
    async get(op_id) {
      const { rows } = await pool.query<{ entry: string }>('select entry from processor_book where op_id = $1', [op_id]);
      return rows[0] ? (JSON.parse(rows[0].entry, revive) as Entry) : null;
    },
    async put(op_id, entry) {
      await pool.query('insert into processor_book (op_id, entry) values ($1, $2) on conflict (op_id) do nothing', [op_id, JSON.stringify(entry, replace)]);
    },
    // The processes of the simulation seek by op_id only.
    named: async () => null,
    complete: () => true,
  };
}

/** A statement that begins, ends and is in no transaction. */
function alone(step: Step): Step {
  if (step.text.startsWith('begin')) return { ...step, name: '', text: 'select 1' };
  if (step.text === 'commit') return { ...step, name: '', text: 'select 1', resolve: (result) => step.resolve?.({ ...result, command: 'COMMIT' }) };
  // The world stays that of the connection.
  return step.text.startsWith(`select set_config('kontor.world'`) ? { ...step, name: '', text: step.text.replace('true)', 'false)') } : step;
}

/** Each statement commits by itself: what a transaction was for is lost. */
function withoutTransactions(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...given: unknown[]) => Promise<pg.QueryResult>;
  client.query = ((...given: unknown[]) => {
    const [asked] = given;
    if (asked instanceof Batch) return asked.steps.forEach((step) => void query(new Batch(client, [alone(step)])));
    return asked === 'rollback' ? query('select 1') : query(...given);
  }) as typeof client.query;
}

async function work({ urls, now, naive, lost }: WorkerOrder): Promise<void> {
  const database = { ...connections({ connectionString: urls.owner }, { connectionString: urls.app }, { pool: 6, statement_timeout: 30 }, () => Promise.resolve()), embedded: false };
  if (naive) database.pool.on('connect', withoutTransactions);
  const begun = Date.now();
  let asked = 0;
  const processor = sandbox({ book: book(database.pool), fault: () => (lost > 0 && (asked += 1) % lost === 0 ? 'answer_lost' : null) });
  await open({
    database, rooms, connectors: { processors: { test: processor, kinds: [] }, vaults: { test: vaultOff, live: vaultOff } }, isStripes: () => false, pepper: 'pepper of the tests', log: openLog('silent'), host: '127.0.0.1', port: 0, allowLoopback: true,
    clock: machineClock(() => now * 1_000 + Date.now() - begun),
  });
  process.send?.('working');
}

await work(JSON.parse(process.argv[2]!) as WorkerOrder);
