// Asks for a customer's billing with the published client: node flowglad_client.cjs FOLDER URL KEY EXTERNAL_ID
const { createRequire } = require('node:module')
const [folder, baseURL, apiKey, externalId] = process.argv.slice(2)
const { FlowgladServer } = createRequire(`${folder}/`)('@flowglad/server')

const details = { name: 'Ada', email: 'ada@example.org' }
// Newer clients are bound to a customer, older ones ask who is asking.
const isBound = FlowgladServer.toString().includes('customerExternalId')
const whose = isBound
  ? { customerExternalId: externalId, getCustomerDetails: async () => details }
  : { getRequestingCustomer: async () => ({ externalId, ...details }) }
const server = new FlowgladServer({ apiKey, baseURL, ...whose })

async function main() {
  const billing = await server.getBilling()
  const told = {
    externalId: billing.customer.externalId,
    email: billing.customer.email,
    subscriptions: billing.currentSubscriptions.map((one) => [one.name, one.status]),
    invoices: billing.invoices.map((one) => [one.invoice.status, one.invoice.subtotal]),
    hasFeature: billing.checkFeatureAccess('sso'),
    hasOther: billing.checkFeatureAccess('nothing'),
    balance: billing.checkUsageBalance('calls')?.availableBalance ?? null,
    product: billing.getProduct('team')?.name ?? null,
    price: billing.getPrice('team_month_eur')?.unitPrice ?? null,
    hasPurchased: billing.hasPurchased ? billing.hasPurchased('team') : null,
  }
  process.stdout.write(JSON.stringify(told))
}

main().catch((error) => {
  process.stderr.write(String(error.stack))
  process.exit(1)
})
