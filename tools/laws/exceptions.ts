/**
 * What breaks a law on purpose, each with its reason. The list is short, and an entry that is not needed any more is told, so that it stays short.
 */

export type Exception = { readonly path: string; /** A part of the message. */ readonly says: string; readonly because: string };

export const exceptions: readonly Exception[] = [
  { path: 'server/http/route.ts', says: ': any turns', because: 'a register of routes holds functions of different parameters; route() checks each pair of schema and function' },
  { path: 'resources/v2/core', says: 'a drawer', because: 'it is the path of the API' },
  { path: 'tests/canaries/present.ts', says: 'exports presenter', because: 'the vault loads it by its URL' },
  { path: 'tests/fakes/vault/prying.ts', says: 'exports presenter', because: 'the vault loads it by its URL' },
  { path: 'server/usage/gather.ts', says: ' waits in memory', because: 'nobody has been answered yet: who waits in memory is a request, and repeats what it got no answer to' },
  { path: 'server/turnstile.ts', says: 'setTimeout waits', because: 'a turn that is given up leaves nothing undone: whoever waited for it has its call written down, or is a request that is told so' },
];
