import { z } from 'zod';

// What the JSON outputs of several commands have in common.

export const text = (meaning: string) => z.string().describe(meaning);
export const count = (meaning: string) => z.number().describe(meaning);
export const flag = (meaning: string) => z.boolean().describe(meaning);
export const texts = (meaning: string) => z.array(z.string()).describe(meaning);
export const counts = (meaning: string) => z.record(z.string(), z.number()).describe(meaning);
export const oneOf = <const T extends readonly string[]>(values: T, meaning: string) =>
  z.enum(values).describe(meaning);

export const identity = {
  job: text('The job: `pending-payment-update`, `npi-update`, `paid-update` or `case-undo`'),
  workflowId: text('Workflow id in Temporal'),
  runId: text('Run id in Temporal and in the run ledger'),
};
export const nullableText = (meaning: string) => z.string().nullable().describe(meaning);
export const nullableNumber = (meaning: string) => z.number().nullable().describe(meaning);
