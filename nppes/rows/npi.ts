// CMS, "Requirements for National Provider Identifier and NPI Check Digit": the Luhn sum includes the prefix 80840, whose
// digits add 24.
const prefixSum = 24;

/** The tenth digit of an NPI, computed from its first nine. */
export function npiCheckDigit(nineDigits: string): string {
  let sum = prefixSum;
  for (let i = 0; i < 9; i++) {
    const digit = nineDigits.charCodeAt(i) - 48;
    const doubled = digit * 2;
    sum += i % 2 === 0 ? (doubled > 9 ? doubled - 9 : doubled) : digit;
  }
  return String((10 - (sum % 10)) % 10);
}

/** Whether the text has the form of an NPI: ten ASCII digits. */
export function isTenDigits(text: string): boolean {
  return /^[0-9]{10}$/.test(text);
}

/** Whether the check digit of a ten-digit text is correct. */
export function hasCheckDigit(npi: string): boolean {
  return npiCheckDigit(npi) === npi[9];
}
