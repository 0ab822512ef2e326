/** What Stripe's API has, so that a request for what Kontor lacks is told so, and the table of compatibility is complete. */
import { readFileSync } from 'node:fs';

export type Operation = { method: string; path: string; area: string; /** 1 the loop of billing, 2 parity, 3 later, '-' outside of Kontor's mission. */ tier: '1' | '2' | '3' | '-' };

/** All operations, in the order of the file. */
export function operations(): Operation[] {
  const text = readFileSync(new URL('operations.tsv', import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [method, path, area, tier] = line.split('\t') as [string, string, string, Operation['tier']];
      return { method, path, area, tier };
    });
}

/** A path with its parameters left open, so that `/v1/prices/{price}` and `/v1/prices/:id` are one. */
export const shapeOf = (path: string) => path.replace(/\{[^}]+\}|:[A-Za-z_]+/g, '*');

/** Whether Stripe has a request. */
export function isStripes(): (method: string, path: string) => boolean {
  const shapes = operations().map(({ method, path }) => new RegExp(`^${method} ${shapeOf(path).replace(/[.]/g, '\\.').replaceAll('*', '[^/]+')}$`));
  return (method, path) => shapes.some((shape) => shape.test(`${method} ${path}`));
}
