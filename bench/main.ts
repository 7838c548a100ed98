import process from 'node:process';
import { caseUpdates } from './cases.ts';
import { monthly } from './monthly.ts';
import { readOptions, type BenchOptions } from './options.ts';
import { scan } from './scan.ts';
import { swap } from './swap.ts';
import { weekly } from './weekly.ts';

const benchmarks: Readonly<Record<string, (options: BenchOptions) => Promise<void>>> = {
  weekly,
  monthly,
  cases: caseUpdates,
  scan,
  swap,
};

const { name, ...options } = readOptions(process.argv.slice(2));
const benchmark = benchmarks[name];
if (benchmark) await benchmark(options);
else {
  process.stderr.write(`Name a benchmark: npm run bench -- ${Object.keys(benchmarks).join(' | ')}\n`);
  process.exitCode = 2;
}
