/** How the sandbox asks who pays. In life this is the page of a bank or a wallet; here both outcomes are a button. */
import { escaped } from '../../../server/http/pages.ts';

const STYLE = `
:root { color-scheme: light dark; --text: #1c2024; --quiet: #60646c; --ground: #f4f4f6; --card: #fff; --line: #d9d9e0; --go: #0d5bd7; --on-go: #fff; --stop: #c4320a; --mark: #fff3cf; --on-mark: #4a3800; }
@media (prefers-color-scheme: dark) { :root { --text: #edeef0; --quiet: #b0b4ba; --ground: #111113; --card: #18191b; --line: #363a3f; --go: #70b8ff; --on-go: #0b1a2b; --stop: #ff977d; --mark: #3a2f0b; --on-mark: #f6e4a5; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.25rem; background: var(--ground); color: var(--text); font: 1rem/1.55 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.75rem; box-shadow: 0 1px 2px rgb(0 0 0 / 6%), 0 12px 32px rgb(0 0 0 / 8%); }
.mark { display: inline-block; margin: 0 0 1.25rem; padding: 0.15rem 0.6rem; border-radius: 1rem; background: var(--mark); color: var(--on-mark); font-size: 0.8125rem; font-weight: 600; }
h1 { font-size: 1.375rem; line-height: 1.25; margin: 0 0 0.5rem; letter-spacing: -0.01em; }
p { margin: 0 0 1.25rem; color: var(--quiet); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0.4rem 1.25rem; margin: 0 0 1.5rem; padding: 1rem 0; border: solid var(--line); border-width: 1px 0; }
dt { color: var(--quiet); }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
form { display: grid; gap: 0.75rem; }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: 0.5rem 1rem; border-radius: 0.625rem; border: 1px solid transparent; cursor: pointer; }
.go { background: var(--go); color: var(--on-go); }
.stop { background: none; color: var(--stop); border-color: currentColor; }
button:hover { filter: brightness(1.08); }
:focus-visible { outline: 3px solid var(--go); outline-offset: 2px; }
footer { margin-top: 1.5rem; font-size: 0.8125rem; color: var(--quiet); }
@media (prefers-reduced-motion: no-preference) { button { transition: filter 120ms; } }
`;

export type Question = { title: string; words: string; facts: readonly (readonly [name: string, value: string])[]; asks: boolean };

export function renderQuestion({ title, words, facts, asks }: Question): string {
  const list = facts.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join('\n');
  const form = asks ? '<form method="post">\n<button class="go" name="result" value="succeeded">Authorize</button>\n<button class="stop" name="result" value="failed">Fail</button>\n</form>' : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escaped(title)} · Kontor sandbox</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<span class="mark">Test mode</span>
<h1>${escaped(title)}</h1>
<p>${escaped(words)}</p>
${list && `<dl>\n${list}\n</dl>`}
${form}
<footer>In life this is the page of your bank or wallet. No money moves.</footer>
</main>
</body>
</html>
`;
}
