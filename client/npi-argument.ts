import { isTenDigits } from '../nppes/rows/npi.ts';
import { CommandError, exitCodes } from './exit.ts';

/** @throws CommandError when the argument is no NPI */
export function checkNpi(npi: string): void {
  if (!isTenDigits(npi))
    throw new CommandError(exitCodes.usage, `"${npi}" is not a valid NPI: an NPI has ten digits.`);
}
