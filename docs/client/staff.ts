/**
 * A working day of staff, typed by the schema: `npm run generate && npm run build && node built/staff.js`
 *
 * It takes one repair from the intake to the paid invoice against a running server with the demo data.
 */
import assert from "node:assert/strict";

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./schema.js";

const SITE = process.argv[2] ?? "http://localhost:8000";

type Schemas = components["schemas"];
type Api = Client<paths>;
type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The body of an answer with this status. */
function body<T>(answer: Answer<T>, status: number): T {
  assert.equal(answer.response.status, status, JSON.stringify(answer.error));
  assert.ok(answer.data !== undefined, `${answer.response.url}: no body`);
  return answer.data;
}

async function signIn(): Promise<Api> {
  const words = { email: "admin@example.com", password: "admin12345" };
  const { access } = body(await createClient<paths>({ baseUrl: SITE }).POST("/api/token/", { body: words }), 200);
  return createClient<paths>({ baseUrl: SITE, headers: { Authorization: `Bearer ${access}` } });
}

async function takeIn(api: Api, location: number): Promise<Schemas["ShopRepairOrderDetail"]> {
  const customer = { name: "Walter Inn", phone: "(555) 010-7777" };
  const vehicle = { year: 2019, make: "Toyota", model: "Camry" };
  const entered = body(await api.POST("/api/shop/intake/", { body: { customer, vehicle } }), 201);
  assert.ok(entered.vehicle_id);
  const arrival = { vehicle_id: entered.vehicle_id, location_id: location, odometer: 41250 };
  return body(await api.POST("/api/shop/repair-orders/check-in/", { body: arrival }), 201);
}

async function estimate(api: Api, id: number): Promise<Schemas["ShopRepairOrderDetail"]> {
  const order = { params: { path: { id } } };
  const work = { name: "Wiper blades", concern: "Streaks on the windshield" };
  const begun = body(await api.POST("/api/shop/repair-orders/{id}/jobs/", { ...order, body: work }), 201);
  const job = begun.jobs[0];
  assert.ok(job);
  const params = { path: { id, job_id: job.id } };
  const lines = [
    { kind: "part", name: "Wiper blade", quantity: 2, unit_price: "14.50" },
    { kind: "labour", name: "Fit wiper blades", hours: "0.2" },
  ] as const;
  for (const line of lines) {
    body(await api.POST("/api/shop/repair-orders/{id}/jobs/{job_id}/lines/", { params, body: line }), 201);
  }
  const sent = body(await api.POST("/api/shop/repair-orders/{id}/estimate/", { ...order, body: {} }), 200);
  assert.deepEqual([sent.status, sent.jobs[0]?.lines.length], ["pending", 2]);
  return sent;
}

/** Record the customer's answer by phone, do the work, and return the invoice. */
async function work(api: Api, order: Schemas["ShopRepairOrderDetail"]): Promise<Schemas["ShopLinkedInvoice"]> {
  const one = { params: { path: { id: order.id } } };
  const answer = {
    method: "phone" as const,
    by_name: "Walter Inn",
    contact_used: "(555) 010-7777",
    total: order.totals.total,
    decisions: order.jobs.map(({ id }) => ({ job_id: id, decision: "approved" as const })),
  };
  const recorded = body(await api.POST("/api/shop/repair-orders/{id}/authorisations/", { ...one, body: answer }), 201);
  assert.deepEqual([recorded.method, recorded.total], ["phone", order.totals.total]);
  const again = await api.POST("/api/shop/repair-orders/{id}/authorisations/", { ...one, body: answer });
  assert.deepEqual([again.response.status, again.error?.code], [409, "already_answered"]);
  body(await api.POST("/api/shop/repair-orders/{id}/start/", one), 200);
  const done = body(await api.POST("/api/shop/repair-orders/{id}/complete/", one), 200);
  assert.equal(done.status, "completed");
  return body(await api.POST("/api/shop/repair-orders/{id}/invoice/", one), 201);
}

async function pay(api: Api, location: number, invoice: Schemas["ShopLinkedInvoice"]): Promise<void> {
  const { balance: amount, customer_id } = invoice;
  const allocations = [{ invoice_id: invoice.id, amount }];
  const payment = { customer_id, location_id: location, amount, method: "card" as const, reference: "4242", allocations };
  const taken = body(await api.POST("/api/shop/payments/", { body: payment }), 201);
  assert.deepEqual([taken.amount, taken.open], [amount, "0.00"]);
  const paid = body(await api.GET("/api/shop/invoices/{id}/", { params: { path: { id: invoice.id } } }), 200);
  assert.deepEqual([paid.paid, paid.balance], [amount, "0.00"]);
}

const api = await signIn();
const found = body(await api.GET("/api/shop/locations/", { params: { query: { search: "Shelbyville" } } }), 200);
const location = found.results[0]?.id;
assert.ok(location);
const order = await takeIn(api, location);
await pay(api, location, await work(api, await estimate(api, order.id)));
console.log("the staff's day is as it should be");
