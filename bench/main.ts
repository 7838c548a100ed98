import process from 'node:process';
import { caseUpdates } from './cases.ts';
import { scan } from './scan.ts';
import { weekly } from './weekly.ts';

const benchmarks: Readonly<Record<string, () => Promise<void>>> = { weekly, cases: caseUpdates, scan };

const [name = ''] = process.argv.slice(2);
const benchmark = benchmarks[name];
if (benchmark) await benchmark();
else {
  process.stderr.write(`Which benchmark? npm run bench -- ${Object.keys(benchmarks).join(' | ')}\n`);
  process.exitCode = 2;
}
