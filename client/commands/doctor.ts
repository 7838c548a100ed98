import type { Line } from '../doctor/check.ts';
import { diagnose, type Surroundings } from '../doctor/doctor.ts';
import { exitCodes } from '../exit.ts';
import type { Terminal } from '../terminal.ts';

/** `surgicase doctor`: one line for each check; changes nothing. Exits with 1 when something is wrong. */
export async function doctor(surroundings: Surroundings, terminal: Terminal): Promise<number> {
  const lines = await diagnose(surroundings);
  const isHealthy = lines.every(({ state }) => state === 'ok' || state === 'warning');
  terminal.answer({ isHealthy, lines }, [...lines.map(lineText), summary(lines)]);
  return isHealthy ? exitCodes.done : exitCodes.failed;
}

const marks = { ok: 'ok', warning: 'warning', wrong: 'WRONG', 'not checked': 'not checked' } as const;

function lineText({ check, state, text, fix }: Line): string {
  return `${marks[state].padEnd(11)}  ${check.padEnd(18)}  ${text}${fix ? ` ${fix}` : ''}`;
}

function summary(lines: readonly Line[]): string {
  const count = (state: Line['state']) => lines.filter((line) => line.state === state).length;
  const wrongCount = count('wrong');
  const warnings = count('warning') === 1 ? '1 warning' : `${count('warning')} warnings`;
  if (wrongCount === 0) return `Nothing is wrong; ${warnings}.`;
  return `${wrongCount} wrong, ${warnings}, ${count('not checked')} not checked.`;
}
