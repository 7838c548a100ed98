import type { FinishedRun } from '../../db/ledger/runs.ts';

interface Mark {
  readonly symbol: string;
  readonly letter: string;
  readonly meaning: string;
  readonly outcomes: readonly string[];
}

const marks: readonly Mark[] = [
  { symbol: '✓', letter: 'D', meaning: 'done', outcomes: ['published', 'moved'] },
  { symbol: '·', letter: 'N', meaning: 'nothing due', outcomes: ['nothing due'] },
  {
    symbol: '↶',
    letter: 'R',
    meaning: 'rolled back or forward',
    outcomes: ['rolled back', 'brought forward', 'resumed'],
  },
  { symbol: '✗', letter: 'F', meaning: 'failed', outcomes: ['failed'] },
  { symbol: '–', letter: 'C', meaning: 'canceled or rejected', outcomes: ['cancelled', 'rejected'] },
  { symbol: '»', letter: 'S', meaning: 'skipped', outcomes: ['skipped'] },
];

const unknown = '?';

/** One mark for each run, oldest first, as symbols or as plain letters. */
export function marksOf(runs: readonly Pick<FinishedRun, 'outcome'>[], hasSymbols: boolean): string {
  return runs
    .map(({ outcome }) => marks.find(({ outcomes }) => outcomes.includes(outcome)))
    .map((mark) => (hasSymbols ? mark?.symbol : mark?.letter) ?? unknown)
    .join(' ');
}

/** What each mark means. */
export function legend(hasSymbols: boolean): string {
  const meanings = marks.map(({ symbol, letter, meaning }) => `${hasSymbols ? symbol : letter} ${meaning}`);
  return `${meanings.join(', ')}; the newest run is on the right`;
}
