export { caseUndo, paidUpdate, pendingPaymentUpdate } from './case-update.ts';
export { npiUpdate } from './npi-update.ts';
