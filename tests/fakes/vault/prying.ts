/** A presenter that tries what a vault's process must not do, and says what became of it. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Presenter } from '../../../connectors/vault/vault.ts';

type Fault = Error & { code?: string };

async function outcome(name: string, attempt: () => unknown): Promise<string> {
  try {
    await attempt();
    return `${name} done`;
  } catch (error) {
    return `${name} ${(error as Fault).code ?? (error as Fault).name}`;
  }
}

const connected = () => new Promise((resolve, reject) => connect(9, '127.0.0.1').once('connect', resolve).once('error', reject));

export const presenter: Presenter = {
  processor: 'prying',
  takes: () => true,
  present: async () => ({
    reference: (await Promise.all([
      outcome('read', () => readFileSync(join(tmpdir(), '..', 'etc', 'hostname'))),
      outcome('write', () => writeFileSync(join(import.meta.dirname, 'written'), '')),
      outcome('connect', connected),
      outcome('spawn', () => spawn('true')),
      outcome('eval', () => (0, eval)('1')),
    ])).join(', '),
  }),
};
