"""Patterns of well-known vendors' keys and tokens; pure.

One alternation, so that a text is read once; each pattern begins with a letter, by which ``re`` skips ahead.
"""

import re

from langchain_persistmem.redaction.checksums import bech32, crc32_base62

_W = r"[A-Za-z0-9_\-]"
_A = r"[A-Za-z0-9]"
_SHAPES = (
    rf"gh[pousr]_{_A}{{36}}",
    rf"github_pat_{_A}{{22}}_{_A}{{59}}",
    rf"npm_{_A}{{36}}",
    r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}",  # Amazon
    rf"gl(?:pat|dt|rt|ptt|cbt|imt|ft|soat|agent)-{_W}{{20,64}}",  # GitLab
    rf"xox[abeoprs]-{_W}{{10,250}}",  # Slack
    rf"xapp-[0-9]-{_W}{{20,250}}",
    rf"hooks\.slack\.com/services/T{_A}{{6,12}}/B{_A}{{6,12}}/{_A}{{20,32}}",
    *(rf"{kind}_(?:live|test)_{_A}{{16,250}}" for kind in ("sk", "rk", "pk")),  # Stripe
    r"whsec_[A-Za-z0-9+/=]{24,80}",
    rf"sk-ant-{_W}{{20,250}}",  # Anthropic
    rf"sk-(?:proj-|svcacct-|admin-|or-v1-|lf-)?(?=[A-Za-z_\-]*[0-9]){_W}{{20,250}}",  # OpenAI, OpenRouter, and others
    rf"AIza{_W}{{35}}",  # Google
    rf"GOCSPX-{_W}{{28}}",
    rf"ya29\.{_W}{{20,500}}",
    rf"pypi-AgE{_W}{{50,500}}",
    r"hf_[A-Za-z]{30,40}",
    rf"SG\.{_W}{{16,32}}\.{_W}{{32,64}}",  # SendGrid
    r"SK[0-9a-f]{32}",  # Twilio
    r"AC[0-9a-f]{32}",
    r"key-[0-9a-f]{32}",  # Mailgun
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"dapi[0-9a-f]{32}(?:-[0-9])?",  # Databricks
    rf"lin_api_{_A}{{32,48}}",
    rf"ntn_{_A}{{40,50}}",  # Notion
    rf"gsk_{_A}{{40,60}}",  # Groq
    rf"xai-{_A}{{60,90}}",
    rf"r8_{_A}{{37}}",  # Replicate
    rf"pplx-{_A}{{40,56}}",
    r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",  # LangSmith
    rf"pcsk_{_W}{{40,80}}",  # Pinecone
    rf"tvly-(?:dev-|prod-)?{_A}{{20,48}}",  # Tavily
    rf"hv[sbr]\.{_W}{{24,300}}",  # Vault
    r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",  # Postman
    r"NRAK-[A-Z0-9]{27}",  # New Relic
    rf"gl(?:sa|c)_{_A}{{32,64}}(?:_[0-9a-f]{{8}})?",  # Grafana
    rf"tskey-(?:auth|api|client)-{_A}{{10,24}}-{_A}{{20,40}}",  # Tailscale
    r"sbp_[0-9a-f]{40}",  # Supabase
    rf"sq0(?:atp|csp)-{_W}{{22,43}}",  # Square
    rf"ATATT3{_W}{{60,250}}=?[0-9A-F]{{0,8}}",  # Atlassian
    rf"pscale_(?:tkn|pw|oauth)_{_W}{{32,64}}",
    rf"dp\.(?:pt|st|ct|sa)\.{_W}{{40,64}}",  # Doppler
    rf"figd_{_W}{{40,60}}",
    r"rubygems_[0-9a-f]{48}",
    rf"dckr_pat_{_W}{{24,40}}",
    rf"eyJrIjoi{_A}{{40,200}}={{0,2}}",  # Grafana, older
    r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
    r"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}",  # Brevo
)
_WITHOUT_PREFIX = (
    rf"[0-9]{{8,10}}:AA{_W}{{33}}",  # Telegram
    rf"[MNO]{_A}{{23,27}}\.{_W}{{6}}\.{_W}{{27,40}}",  # Discord
    rf"{_A}{{14}}\.atlasv1\.{_W}{{60,80}}",  # Terraform
    r"[0-9a-f]{32}-us[0-9]{1,2}",  # Mailchimp
)
TOKENS = re.compile(rf"(?:{'|'.join(_SHAPES)})(?![A-Za-z0-9_])")
"""No look-behind: a token may stand right behind an equals sign, a quote or a letter of another script."""
UNPREFIXED = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_WITHOUT_PREFIX)})(?![A-Za-z0-9_])")
RUN = re.compile(r"[A-Za-z0-9_\-.:/+=]{19,}+")
"""A run of characters that can contain a token: none is shorter, and none has a space."""


def has_valid_checksum(token: str) -> bool:
    """Check a token's checksum if its vendor uses one; a token that fails is an example in some manual."""
    if token.startswith(("gh", "npm_")) and not token.startswith("github"):
        return crc32_base62(token[4:-6], token[-6:])
    return not token.startswith("AGE-") or bech32(token)
