/** How the sandbox asks who pays. In life this is the page of a bank or a wallet; here both outcomes are a button. What proves a bank account is typed. */
import { escaped } from '../../../server/http/pages.ts';

const STYLE = `
:root { color-scheme: light dark; --text: #1c2024; --quiet: #5f636b; --ground: #f3f3f6; --card: #fff; --line: #e3e3e9; --go: #0d5bd7; --on-go: #fff; --stop: #b42c06; --mark: #fff3cf; --on-mark: #5c4700; --well: #187848; }
@media (prefers-color-scheme: dark) { :root { --text: #edeef0; --quiet: #b0b4ba; --ground: #101012; --card: #19191c; --line: #323438; --go: #70b8ff; --on-go: #0b1a2b; --stop: #ff977d; --mark: #3a2f0b; --on-mark: #f6e4a5; --well: #5bd197; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; min-height: 100dvh; display: grid; place-items: center; padding: 1.25rem; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; -webkit-text-size-adjust: 100%; }
main { width: 100%; max-width: 27rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: clamp(1.25rem, 6vw, 2rem); box-shadow: 0 1px 2px rgb(0 0 0 / 5%), 0 16px 40px rgb(0 0 0 / 7%); }
header { display: flex; justify-content: space-between; align-items: center; gap: 1rem; margin-bottom: 1.75rem; font-size: 0.875rem; font-weight: 600; }
.mark { padding: 0.2rem 0.65rem; border-radius: 1rem; background: var(--mark); color: var(--on-mark); font-size: 0.8125rem; white-space: nowrap; }
h1 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 0.25rem; letter-spacing: -0.01em; }
p { margin: 0; color: var(--quiet); text-wrap: pretty; }
.amount { color: var(--text); margin: 0.75rem 0 0.25rem; font-size: clamp(1.75rem, 9vw, 2.75rem); font-weight: 650; line-height: 1.1; letter-spacing: -0.03em; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0.5rem 1.5rem; margin: 1.5rem 0 0; padding-top: 1.25rem; border-top: 1px solid var(--line); font-size: 0.9375rem; }
dt { color: var(--quiet); }
dd { margin: 0; text-align: right; font-weight: 500; overflow-wrap: anywhere; }
figure { display: grid; justify-items: center; gap: 0.75rem; margin: 1.5rem 0 0; padding: 1.25rem; border: 1px solid var(--line); border-radius: 0.75rem; text-align: center; font-size: 0.875rem; color: var(--quiet); }
figure img { width: 11rem; height: 11rem; border-radius: 0.5rem; background: #fff; }
form { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 0.75rem; margin-top: 1.75rem; }
label { display: grid; gap: 0.375rem; grid-column: 1 / -1; font-size: 0.875rem; font-weight: 600; }
input { font: 500 1.25rem/1.2 ui-monospace, monospace; letter-spacing: 0.08em; text-transform: uppercase; min-height: 3rem; width: 100%; padding: 0.5rem 0.875rem; color: inherit; background: none; border: 1px solid var(--quiet); border-radius: 0.625rem; }
[aria-invalid] { border-color: var(--stop); }
form p { grid-column: 1 / -1; font-size: 0.875rem; }
form [role=alert] { color: var(--stop); }
button, .back { font: inherit; font-weight: 600; min-height: 3rem; padding: 0.5rem 1rem; border-radius: 0.625rem; border: 1px solid transparent; cursor: pointer; }
.back { display: grid; place-items: center; margin-top: 1.75rem; text-decoration: none; overflow-wrap: anywhere; }
.go { background: var(--go); color: var(--on-go); }
.stop { background: none; color: var(--stop); border-color: var(--line); }
button:hover, .back:hover { filter: brightness(1.08); }
.stop:hover { border-color: currentColor; }
:focus-visible { outline: 3px solid var(--go); outline-offset: 2px; }
.outcome { display: block; width: 3rem; height: 3rem; margin-bottom: 1rem; fill: none; stroke: var(--stop); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.outcome.well { stroke: var(--well); }
footer { margin-top: 1.5rem; font-size: 0.8125rem; color: var(--quiet); }
@media (prefers-reduced-motion: no-preference) { button, .back { transition: filter 120ms, border-color 120ms; } }
@media (forced-colors: active) { button, .back { border-color: ButtonText; } }
`;

type Question = {
  title: string;
  words: string;
  amount?: string | null;
  facts?: readonly (readonly [name: string, value: string])[];
  /** The address of an image of a code that opens this page on a phone. */
  scan?: string | null;
  /** A code is to be typed, in place of a choice of two. `problem`: why what was typed is not it. */
  code?: { hint: string; problem: string | null };
  /** What became of it, where nothing is asked any more. */
  outcome?: 'succeeded' | 'failed';
  /** Where who pays may go back to then. */
  back?: string | null;
};

const OUTCOMES = {
  succeeded: '<svg class="outcome well" viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="22"/><path d="m15 25 6 6 12-14"/></svg>',
  failed: '<svg class="outcome" viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="22"/><path d="m17 17 14 14m0-14L17 31"/></svg>',
};
const BUTTONS = '<form method="post">\n<button class="go" name="result" value="succeeded">Authorize</button>\n<button class="stop" name="result" value="failed">Fail</button>\n</form>';

const typed = ({ hint, problem }: { hint: string; problem: string | null }): string => `<form method="post">
<label>Code<input name="code" required maxlength="6" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" aria-describedby="about"${problem ? ' aria-invalid="true" autofocus' : ''}></label>
<p id="about"${problem ? ' role="alert"' : ''}>${escaped(problem ?? hint)}</p>
<button class="go">Verify</button>
</form>`;

export function renderQuestion({ title, words, amount, facts = [], scan, code, outcome, back }: Question): string {
  const parts = [
    outcome && OUTCOMES[outcome],
    `<h1>${escaped(title)}</h1>`,
    amount && `<p class="amount">${escaped(amount)}</p>`,
    `<p>${escaped(words)}</p>`,
    scan && `<figure><img src="${escaped(scan)}" alt="A code that opens this page" width="176" height="176"><figcaption>Scan it to decide on a phone, or decide here.</figcaption></figure>`,
    facts.length > 0 && `<dl>\n${facts.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join('\n')}\n</dl>`,
    !outcome && (code ? typed(code) : BUTTONS),
    back && `<a class="back go" href="${escaped(back)}">Go back to ${escaped(new URL(back).host)}</a>`,
  ];
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
<header><span>Kontor sandbox</span><span class="mark">Test mode</span></header>
${parts.filter(Boolean).join('\n')}
<footer>${code ? 'In life the code comes with a transfer to the account.' : 'In life this is the page of your bank or wallet.'} No money moves.</footer>
</main>
</body>
</html>
`;
}
