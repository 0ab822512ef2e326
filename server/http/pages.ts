/** Pages for people that the server has without a key: what `doc_url` of an error leads to. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import type { App, PageRoute } from '../context.ts';
import { ERROR_DOCS } from './errors.ts';
import { decodeForm } from './forms.ts';
import { headersOf } from './uploads.ts';

const source = new URL('../../docs/errors.md', import.meta.url);

/** Serves docs/errors.md as a page. */
export async function servePages(server: FastifyInstance): Promise<void> {
  const html = page(await readFile(source, 'utf8'));
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'cache-control': 'public, max-age=3600',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  server.get(ERROR_DOCS, (_request, reply) => reply.headers(headers).send(html));
}

/** Serves a room's page. Its style stands in it; nothing else is loaded. */
export function serveRoom(server: FastifyInstance, app: App, page: PageRoute): void {
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; frame-ancestors 'self'`,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  server.route({
    method: page.method,
    url: page.path,
    handler: async (request, reply) => {
      const form = Buffer.isBuffer(request.body) && request.body.length > 0 ? decodeForm(request.body) : {};
      const answer = await page.serve(app, request.params as Record<string, string>, form);
      if ('image' in answer) return reply.headers({ ...headers, 'content-type': answer.type }).send(answer.image);
      if ('file' in answer) return reply.headers({ ...headers, ...headersOf(answer.file, 'inline') }).send(answer.file.bytes);
      return 'location' in answer ? reply.code(303).headers({ location: answer.location, 'cache-control': 'no-store' }).send() : reply.code(answer.status).headers(headers).send(answer.html);
    },
  });
}

const STYLE = `
:root { color-scheme: light dark; --text: #1c2024; --quiet: #60646c; --ground: #fcfcfd; --line: #e0e1e6; --code: #f0f0f3; --link: #0d5bd7; --here: #fff3cf; }
@media (prefers-color-scheme: dark) { :root { --text: #edeef0; --quiet: #b0b4ba; --ground: #111113; --line: #2e3135; --code: #212225; --link: #70b8ff; --here: #3a2f0b; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 2rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 3rem 1.25rem 30vh; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1.5rem; letter-spacing: -0.01em; }
h2 { font-size: 1.25rem; margin: 3rem 0 1rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
h3 { font: 600 1rem/1.5 ui-monospace, monospace; margin: 1.75rem 0 0.25rem; overflow-wrap: anywhere; }
p, ul { margin: 0 0 1rem; }
ul { padding-left: 1.25rem; }
li { margin: 0.35rem 0; }
section { margin: 0 -0.75rem; padding: 0.1rem 0.75rem; border-radius: 0.5rem; }
section:target { background: var(--here); }
a { color: var(--link); text-underline-offset: 0.15em; }
h3 a { color: inherit; text-decoration: none; }
h3 a:hover, h3 a:focus-visible { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
code { font: 0.9em ui-monospace, monospace; background: var(--code); padding: 0.1em 0.3em; border-radius: 0.25rem; overflow-wrap: anywhere; }
pre { font: 0.875rem/1.6 ui-monospace, monospace; background: var(--code); padding: 0.75rem 1rem; border-radius: 0.5rem; overflow-x: auto; }
footer { margin-top: 4rem; color: var(--quiet); font-size: 0.875rem; }
`;

/**
 * The page of a text in the little of Markdown that these pages use: headings, paragraphs, lists, code (a block of it has no empty line), strong words and links; of another page of the documentation, which the server does
 * not have, its place is told. Each heading of the third level begins a section, which its text is the address of.
 */
export function page(markdown: string): string {
  const title = /^# (.+)$/m.exec(markdown)?.[1] ?? '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} · Kontor</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${sections(markdown.trim().split(/\n{2,}/))}
<footer>Kontor. Compatible with Stripe's API, and not affiliated with Stripe.</footer>
</main>
</body>
</html>
`;
}

function sections(blocks: readonly string[]): string {
  let open = false;
  const lines: string[] = [];
  for (const block of blocks) {
    const [, hashes = '', heading = ''] = /^(#{1,3}) (.+)$/.exec(block) ?? [];
    if (hashes !== '' && open) lines.push('</section>');
    if (hashes !== '') open = hashes.length === 3;
    lines.push(hashes.length === 3 ? `<section id="${escaped(heading)}">\n<h3><a href="#${escaped(heading)}">${escaped(heading).replaceAll('_', '_<wbr>')}</a></h3>` : rendered(block, hashes, heading));
  }
  return [...lines, ...(open ? ['</section>'] : [])].join('\n');
}

function rendered(block: string, hashes: string, heading: string): string {
  if (hashes !== '') return `<h${hashes.length}>${inline(heading)}</h${hashes.length}>`;
  if (block.startsWith('```')) return `<pre tabindex="0">${escaped(block.split('\n').slice(1, -1).join('\n'))}</pre>`;
  if (block.startsWith('- ')) return `<ul>\n${block.split(/^- /m).slice(1).map((item) => `<li>${inline(item.trim())}</li>`).join('\n')}\n</ul>`;
  return `<p>${inline(block)}</p>`;
}

/** Code is taken first, so that nothing in it is read as something else. */
function inline(text: string): string {
  return text.split(/(`[^`]+`)/).map((part) => (part.startsWith('`') ? `<code>${escaped(part.slice(1, -1))}</code>` : styled(part))).join('');
}

function styled(text: string): string {
  return escaped(text)
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .replace(/\[([^\]]+)\]\(([^)\s]+)\)/g, (_link, name: string, to: string) => (/^(#|https?:)/.test(to) ? `<a href="${to}">${name}</a>` : `${name} (docs/${to.split('#', 1)[0]})`));
}

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character]!);
}
