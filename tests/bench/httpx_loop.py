"""The obvious script: so many prompts at once by asyncio and httpx.

usage: httpx_loop.py URL SEEDS IN-FLIGHT CALLS     rows on standard output
"""

import asyncio
import json
import sys

import httpx


async def main(url, seeds, in_flight, calls):
    rows = [json.loads(line) for line in open(seeds, encoding="utf-8")]
    slots = asyncio.Semaphore(in_flight)
    limits = httpx.Limits(max_connections=in_flight,
                          max_keepalive_connections=in_flight)

    async def one(client, i):
        async with slots:
            prompt = f"{i} {rows[i % len(rows)]['text']}"
            reply = await client.post(url + "/chat/completions", json={
                "model": "bench",
                "messages": [{"role": "user", "content": prompt}],
                "max_tokens": 1024})
            reply.raise_for_status()
            body = reply.json()
            print(json.dumps({
                "row": i,
                "output": body["choices"][0]["message"]["content"],
                "tokens": body["usage"]["total_tokens"]}))

    async with httpx.AsyncClient(limits=limits, timeout=60,
                                 trust_env=False) as client:
        await asyncio.gather(*(one(client, i) for i in range(calls)))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]),
                 int(sys.argv[4])))
