/** Where work waits: workflows and short activities apart from the loads, so that a load never starves them. */
export const taskQueues = {
  main: 'surgicase',
  npi: 'surgicase-npi',
} as const;
