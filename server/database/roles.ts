/** The two roles: the owner of the tables, who only migrates, and `kontor_app`, who serves requests and may neither change tables nor see past the policies. */

import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import type { ClientBase } from 'pg';
import { StartRefused } from '../refused.ts';
import { Secret } from '../secret.ts';

/** Makes both roles and the database on the embedded PostgreSQL. `superuser` is connected to the database `postgres`. */
export async function makeRoles(superuser: ClientBase, passwords: { kontor_owner: Secret; kontor_app: Secret }): Promise<void> {
  await putRole(superuser, 'kontor_owner', passwords.kontor_owner);
  await putRole(superuser, 'kontor_app', passwords.kontor_app);
}

export async function makeDatabase(superuser: ClientBase, name: string): Promise<void> {
  const { rowCount } = await superuser.query('select from pg_database where datname = $1', [name]);
  if (rowCount === 0) await superuser.query(`create database ${superuser.escapeIdentifier(name)} owner kontor_owner`);
}

/** Makes or renews a role that may log in and nothing else. PostgreSQL is given the verifier of the password, never the password, so that no log can hold it. */
async function putRole(client: ClientBase, name: string, password: Secret): Promise<void> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name]);
  const limits = 'login nosuperuser nocreatedb nocreaterole noreplication nobypassrls';
  await client.query(`${rowCount === 0 ? 'create' : 'alter'} role ${client.escapeIdentifier(name)} ${rowCount === 0 ? limits : ''} password ${client.escapeLiteral(verifier(password))}`);
}

/** Makes `kontor_app` on a PostgreSQL of the operator's, by the role of DATABASE_URL, or tells what to do where that role may not. */
export async function makeAppRole(owner: ClientBase, password: Secret): Promise<void> {
  try {
    await putRole(owner, 'kontor_app', password);
  } catch (error) {
    const { rowCount } = await owner.query(`select from pg_roles where rolname = 'kontor_app'`);
    const [why, statement, otherwise] = rowCount === 0
      ? ['cannot be made by the user of DATABASE_URL', `create role kontor_app login password '…'`, ', or grant the user of DATABASE_URL the right to create roles']
      : ['is there and does not let Kontor in, since another installation has made it or the password of DATABASE_URL has changed', `create role kontor_app_b login password '…' in role kontor_app`, ''];
    throw new StartRefused(`The role kontor_app, which serves requests, ${why}: ${(error as Error).message}. Let an administrator run "${statement}" and set KONTOR_APP_DATABASE_URL to log in with it${otherwise}.`);
  }
}

/**
 * The password of `kontor_app` where only DATABASE_URL is known: derived from the owner's, so that all processes of an installation agree on it without another secret to hand around,
 * and so that it changes with the owner's.
 */
export function derivedPassword(ownerPassword: string): Secret {
  return new Secret(createHmac('sha256', ownerPassword).update('kontor_app').digest('base64url'));
}

/** Who may come in: nobody but the owner and kontor_app. To be run by the owner of the database in it. */
export async function closeDoors(owner: ClientBase): Promise<void> {
  const { rows: [found] } = await owner.query<{ name: string; closed: boolean }>(`
    select current_database() as name,
      has_schema_privilege('kontor_app', 'public', 'usage') and not has_database_privilege('kontor_app', current_database(), 'temporary') as closed`);
  if (found!.closed) return;
  const database = owner.escapeIdentifier(found!.name);
  await owner.query(`
    revoke all on database ${database} from public;
    grant connect on database ${database} to kontor_app;
    revoke all on schema public from public;
    grant usage on schema public to kontor_app`);
}

/** What PostgreSQL stores of a password: salted, hashed 4,096 times, as RFC 5803 writes it. The passwords here are random, so more rounds would add nothing. */
function verifier(password: Secret): string {
  const rounds = 4096;
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password.reveal(), salt, rounds, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const storedKey = createHash('sha256').update(clientKey).digest();
  const serverKey = createHmac('sha256', salted).update('Server Key').digest();
  return `SCRAM-SHA-256$${rounds}:${salt.toString('base64')}$${storedKey.toString('base64')}:${serverKey.toString('base64')}`;
}
