import { npidataHeader } from '../../nppes/rows/header.ts';

const beforeV2 = npidataHeader.map((name) => (name === 'Provider Sex Code' ? 'Provider Gender Code' : name));

/** The columns of CMS's provider files in the years when they changed. */
export const headersByYear: readonly (readonly [year: number, header: readonly string[]])[] = [
  [2015, beforeV2.filter((name) => name !== 'Certification Date')],
  [2023, beforeV2],
  [2026, npidataHeader],
];
