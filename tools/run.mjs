/**
 * Runs a program of Kontor on the Node that Kontor brings: `node tools/run.mjs kontor.ts start --port 4242`. This file is what a fresh clone runs first, so it is plain JavaScript, needs
 * nothing installed, and works on any Node since 20. It installs the packages where they are missing or not those of package-lock.json, and says so on standard error; standard output
 * belongs to the program.
 */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packages = join(root, 'node_modules');
const windows = process.platform === 'win32';
const brought = windows ? join(packages, 'node', 'bin', 'node.exe') : join(packages, 'node', 'bin', 'node');

const say = (sentence) => process.stderr.write(`${sentence}\n`);

function giveUp(sentence) {
  say(sentence);
  process.exit(1);
}

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) giveUp(`This is Node ${process.versions.node}, and Kontor needs 20 or later to install the one that it runs on. Get it at https://nodejs.org, then try again.`);

const [script, ...parameters] = process.argv.slice(2);
if (script === undefined) giveUp('Name the program to run, e.g. node tools/run.mjs kontor.ts start.');

if (!windows && process.env.npm_lifecycle_event !== undefined) endWithNpm();
if (!isInstalled()) await install();
const node = existsSync(brought) ? brought : await repair();
// Who takes many events at once has much that is young for long: with V8's own 16 MB for it, a quarter of the time goes into moving it about.
process.exitCode = await run(node, ['--max-semi-space-size=64', join(root, script), ...parameters]);

/** Whether node_modules is that of package-lock.json: by our stamp, or by npm's own record where somebody ran npm. */
function isInstalled() {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const fingerprint = createHash('sha256').update(lock).digest('hex');
  const stamp = join(packages, '.kontor');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return true;
  const record = join(packages, '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  for (const [path, wanted] of Object.entries(JSON.parse(lock).packages)) {
    if (path === '' || (wanted.optional && !installed[path])) continue;
    if (installed[path]?.version !== wanted.version || installed[path]?.integrity !== wanted.integrity) return false;
  }
  writeFileSync(stamp, fingerprint);
  return true;
}

async function install() {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  say('Installing the packages of Kontor, which is done once. It takes about a minute.');
  const progress = setInterval(() => say(`  … still installing, ${seconds()} seconds so far.`), 15_000);
  const { code, said } = await npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], root);
  clearInterval(progress);
  if (code !== 0) giveUp(`${said}\nThe packages could not be installed: npm ci ended with ${code}. What npm says is above; it needs the network and may write to ${packages}.`);
  writeFileSync(join(packages, '.kontor'), createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex'));
  say(`Installed in ${seconds()} seconds.`);
}

/** The package `node` fetches its program by an install script, which npm runs only where it was allowed to. */
async function repair() {
  if (major >= 26) return process.execPath;
  say('Fetching the Node that Kontor runs on.');
  const directory = join(packages, 'node');
  const setup = join(directory, 'installArchSpecificPackage.js');
  if (existsSync(setup)) await finished(process.execPath, [setup], directory);
  if (existsSync(brought)) return brought;
  return giveUp('Node 26, which Kontor runs on, could not be fetched by the install script of the npm package "node". Run "npm rebuild node --foreground-scripts" to see why, or install Node 26 and start again with it.');
}

/** Runs npm, the one that started us where there is one. Its words are kept for when it fails. */
function npm(words, cwd) {
  const own = process.env.npm_execpath;
  if (own?.endsWith('.js')) return finished(process.execPath, [own, ...words], cwd);
  return finished(windows ? 'npm.cmd' : 'npm', words, cwd, windows);
}

/** Without what an outer npm has set for its own run, such as --json or --silent. */
function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(config_(json|silent|loglevel|dry_run|ignore_scripts|omit|only|production)|lifecycle|command|package)/i.test(name) && name !== 'NODE_ENV'));
}

/** Runs a program to its end. It is in a process group of its own, which ends with us at once: npm works on after a Ctrl-C, and would be in the way of the next install. */
function finished(program, words, cwd, shell = false) {
  let said = '';
  const child = spawn(program, words, { cwd, shell, stdio: ['ignore', 'pipe', 'pipe'], env: cleanEnvironment(), detached: !windows });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { said += chunk; });
  onStop(() => {
    if (!windows && child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    giveUp('\nStopped while installing. The next start begins with it again.');
  });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: error.message, said }));
    child.on('close', (code) => resolve({ code, said }));
  });
}

/**
 * Runs the program and returns its exit code. What Node has compiled is kept in `node_modules`, so that the program, and those that it starts, begin in half the time. The program is in a
 * process group of its own: at Ctrl-C the terminal signals npm and us, npm may signal us again, and the program is told once. A second Ctrl-C, a second or more later, is passed on as one, too.
 */
function run(program, words) {
  const child = spawn(program, words, { stdio: 'inherit', detached: !windows, env: { NODE_COMPILE_CACHE: join(packages, '.cache', 'compiled'), ...process.env } });
  let last = -Infinity;
  onStop((signal) => {
    if (performance.now() - last > 1000 && !windows) child.kill(signal);
    last = performance.now();
  });
  return new Promise((resolve) => {
    child.on('error', (error) => giveUp(`${program} could not be run: ${error.message}`));
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

/** Calls `stop` with the signal that asks us to end, in place of what was called before. */
function onStop(stop) {
  for (const signal of windows ? ['SIGINT', 'SIGTERM'] : ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal).on(signal, stop);
}

/** npm that is ended by anything but a Ctrl-C ends its shell and tells nobody else: a script whose shell is gone is told by us. */
function endWithNpm() {
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch);
    process.emit('SIGTERM', 'SIGTERM');
  }, 500).unref();
}
