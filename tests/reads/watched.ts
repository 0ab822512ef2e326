/** What a request makes PostgreSQL read: the rows of every statement, counted by PostgreSQL itself while it runs the plan that it has kept, so that a plan which reads too much is found without a clock. */
import { lend } from '../../server/database/database.ts';
import type { TestDatabase } from '../postgres.ts';

/** A statement that was run, with how many rows its plan looked at, also those that it threw away. `most` says where most of them were. */
type Read = { text: string; rows: number; most: string; milliseconds: number; plan: Node };

/** A node of a plan, as `explain (format json)` says it; its numbers of rows are those of each loop. */
type Node = { 'Node Type': string; 'Relation Name'?: string; 'Index Name'?: string; 'Actual Rows'?: number; 'Actual Loops'?: number; Plans?: Node[] } & Record<`Rows Removed by ${string}`, number | undefined>;

function looked(node: Node): number {
  const removed = Object.entries(node).filter(([name]) => name.startsWith('Rows Removed by ')).map(([, each]) => Number(each));
  return Math.round([node['Actual Rows'] ?? 0, ...removed].reduce((sum, each) => sum + each) * (node['Actual Loops'] ?? 0));
}

const scans = (node: Node): Node[] => [...(node['Relation Name'] !== undefined && node['Node Type'] !== 'ModifyTable' ? [node] : []), ...(node.Plans ?? []).flatMap(scans)];

function readOf(message: string): Read {
  const [, milliseconds, json] = /^duration: ([0-9.]+) ms\s+plan:\n([^]*)$/.exec(message)!;
  const { 'Query Text': text, Plan: plan } = JSON.parse(json!) as { 'Query Text': string; Plan: Node };
  const found = scans(plan).map((node) => ({ rows: looked(node), name: `${node['Node Type']} on ${node['Relation Name']!}${node['Index Name'] === undefined ? '' : ` by ${node['Index Name']}`}` }));
  const most = found.toSorted((a, b) => b.rows - a.rows)[0];
  return { text, plan, milliseconds: Number(milliseconds), rows: found.reduce((sum, each) => sum + each.rows, 0), most: most?.name ?? '' };
}

/** Lets PostgreSQL tell whoever runs a statement as `kontor_app` what it read, in the sessions that are to come. Returns what does some work and says which statements that took. */
export async function watchReads(database: TestDatabase): Promise<(work: () => Promise<unknown>) => Promise<Read[]>> {
  let heard: Read[] = [];
  const settings = { session_preload_libraries: 'auto_explain', 'auto_explain.log_min_duration': '0', 'auto_explain.log_analyze': 'on', 'auto_explain.log_timing': 'off', 'auto_explain.log_format': 'json', 'auto_explain.log_level': 'notice' };
  database.pool.on('connect', (client) => client.on('notice', ({ message }) => { if (message?.startsWith('duration: ')) heard.push(readOf(message)); }));
  await lend({ connectionString: database.urls.superuser }, async (superuser) => {
    for (const [name, value] of Object.entries(settings)) await superuser.query(`alter role kontor_app in database ${database.name} set ${name} = '${value}'`);
  });
  return async (work) => {
    heard = [];
    await work();
    return heard;
  };
}
