/** A server that takes usage, in a process of its own, to be killed. It says where it listens. */
import { rooms } from '../../resources/register.ts';
import { sandbox } from '../../connectors/processors/sandbox/sandbox.ts';
import { open } from '../../server/app.ts';
import { connections } from '../../server/database/database.ts';
import { openLog } from '../../server/log.ts';

export type ServerOrder = { urls: { owner: string; app: string } };

const { urls } = JSON.parse(process.argv[2]!) as ServerOrder;
const database = { ...connections({ connectionString: urls.owner }, { connectionString: urls.app }, { pool: 6, statement_timeout: 30 }, () => Promise.resolve()), embedded: false };
const { url } = await open({
  database, rooms, connectors: { processors: { test: sandbox(), kinds: [] } }, isStripes: () => false, pepper: 'pepper of the tests', log: openLog('silent'), host: '127.0.0.1', port: 0, allowLoopback: true, works: false,
});
process.send?.(url);
