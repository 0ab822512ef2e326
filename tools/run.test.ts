import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

const lock = JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.0.0', integrity: 'x' }, 'node_modules/b': { version: '1.0.0', optional: true } } });

/** A repository of nothing but the runner, with packages that are installed already. */

const root = await mkdtemp(join(tmpdir(), 'kontor-run-'));
await mkdir(join(root, 'tools'));
await mkdir(join(root, 'node_modules', 'node', 'bin'), { recursive: true });
await copyFile(join(import.meta.dirname, 'run.mjs'), join(root, 'tools', 'run.mjs'));
await symlink(process.execPath, join(root, 'node_modules', 'node', 'bin', 'node'));
await writeFile(join(root, 'package-lock.json'), lock);
await writeFile(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0', integrity: 'x' } } }));
await writeFile(join(root, 'echo.mjs'), 'console.log(JSON.stringify(process.argv.slice(2))); process.exit(Number(process.argv[2]));');
await writeFile(join(root, 'wait.mjs'), `
  let told = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => { told += 1; setTimeout(() => { console.log(signal, told); process.exit(9); }, 300); });
  setInterval(() => undefined, 1000);
  console.log('ready');`);
after(() => rm(root, { recursive: true, force: true }));

async function run(parameters: string[], meanwhile: (pid: number) => void = () => undefined, environment: Record<string, string> = {}): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [join(root, 'tools', 'run.mjs'), ...parameters], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let [out, err] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => { err += String(chunk); });
  child.stdout.on('data', (chunk: Buffer) => {
    out += String(chunk);
    if (String(chunk) === 'ready\n') meanwhile(child.pid!);
  });
  const [code] = await once(child, 'close') as [number];
  return { code, out, err };
}

test('the program gets its parameters, its exit code is ours, and standard output is its own', async () => {
  assert.deepEqual(await run(['echo.mjs', '7', '--port', '1', '--json', 'a b']), { code: 7, out: '["7","--port","1","--json","a b"]\n', err: '' });
});

test('a Ctrl-C that reaches the whole group is passed on once, and so is a signal to us alone', async () => {
  assert.deepEqual(await run(['wait.mjs'], (pid) => { process.kill(-pid, 'SIGINT'); process.kill(pid, 'SIGINT'); }), { code: 9, out: 'ready\nSIGINT 1\n', err: '' });
  assert.deepEqual(await run(['wait.mjs'], (pid) => process.kill(pid, 'SIGTERM')), { code: 9, out: 'ready\nSIGTERM 1\n', err: '' });
});

test('a script whose npm was ended with its shell ends as by a signal', async () => {
  const shell = spawn('/bin/sh', ['-c', `${JSON.stringify(process.execPath)} tools/run.mjs wait.mjs; true`], { cwd: root, env: { ...process.env, npm_lifecycle_event: 'start' }, stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  shell.stdout.on('data', (chunk: Buffer) => {
    out += String(chunk);
    if (out === 'ready\n') shell.kill('SIGTERM');
  });
  await once(shell.stdout, 'close');
  assert.equal(out, 'ready\nSIGTERM 1\n');
});

test('packages that are not those of the lock file are installed first, in plain words on standard error', async () => {
  await rm(join(root, 'node_modules', '.kontor'));
  const npm = join(root, 'npm-cli.js');
  await writeFile(npm, `require('node:fs').writeFileSync(${JSON.stringify(join(root, 'asked'))}, process.argv.slice(2).join(' ')); console.log('noise');`);
  await writeFile(join(root, 'package-lock.json'), lock.replace('"1.0.0","integrity"', '"1.0.1","integrity"'));
  const first = await run(['echo.mjs', '0'], undefined, { npm_execpath: npm });
  assert.deepEqual([first.code, first.out], [0, '["0"]\n']);
  assert.match(first.err, /^Installing the packages of Kontor, which is done once\..*\nInstalled in \d+ seconds\.\n$/);
  assert.equal(await readFile(join(root, 'asked'), 'utf8'), 'ci --no-audit --no-fund --loglevel=error');
  assert.equal((await run(['echo.mjs', '0'], undefined, { npm_execpath: npm })).err, '', 'the second time nothing is installed');
});

test('an install that fails says what npm said, and what is needed', async () => {
  await writeFile(join(root, 'package-lock.json'), lock.replace('"1.0.0","integrity"', '"1.0.2","integrity"'));
  const npm = join(root, 'npm-broken.js');
  await writeFile(npm, `console.error('npm error network'); process.exit(3);`);
  const { code, out, err } = await run(['echo.mjs', '0'], undefined, { npm_execpath: npm });
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /npm error network\n\nThe packages could not be installed: npm ci ended with 3\..*needs the network/s);
});

test('a Ctrl-C while the packages are installed ends the install, too', async () => {
  await writeFile(join(root, 'package-lock.json'), lock.replace('"1.0.0","integrity"', '"1.0.3","integrity"'));
  const [npm, mark] = [join(root, 'npm-slow.js'), join(root, 'at work')];
  await writeFile(npm, `process.on('SIGINT', () => undefined); setInterval(() => require('node:fs').writeFileSync(${JSON.stringify(mark)}, ''), 10);`);
  const child = spawn(process.execPath, [join(root, 'tools', 'run.mjs'), 'echo.mjs', '0'], { env: { ...process.env, npm_execpath: npm }, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => { err += String(chunk); });
  const ended = once(child, 'close');
  while (!existsSync(mark)) await setTimeout(10);
  process.kill(-child.pid!, 'SIGINT');
  assert.deepEqual(await ended, [1, null]);
  assert.match(err, /\nStopped while installing\. The next start begins with it again\.\n$/);
  await rm(mark);
  await setTimeout(200);
  assert.ok(!existsSync(mark), 'npm works on');
});

test('without the name of a program it says how to name one', async () => {
  assert.match((await run([])).err, /^Name the program to run/);
});

test('continuous integration runs what everybody runs', async () => {
  const script = join(root, '.ci', 'run');
  await mkdir(join(root, '.ci'));
  await copyFile(join(import.meta.dirname, '..', '.ci', 'run'), script);
  await chmod(script, 0o755);
  await writeFile(join(root, 'package.json'), JSON.stringify({ scripts: { test: 'echo tested in $(basename "$PWD")' } }));
  const child = spawn(script, { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'ignore'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => { out += String(chunk); });
  assert.deepEqual(await once(child, 'close'), [0, null]);
  assert.match(out, new RegExp(`tested in ${root.split('/').at(-1)}`));
});
