/** The account that every fee is credited to (schema.md): trades do not name it, and so their log says nothing of what it gets. */
export const FEE_ACCOUNT = 'AX-FEES'
