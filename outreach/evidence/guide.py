"""The page in an evidence pack that explains how to check it."""

from __future__ import annotations

from outreach.v1.evidence_service_pb2 import Evidence


def guide(evidence: Evidence, missing_originals: int) -> str:
    """For a pack that lacks so many letters' PDFs and scans."""
    missing = (
        f"\n注意：{missing_originals} 份信函原件未能取得（身份无权，或档案暂不可用），信函内容仍见 letters/*.txt。\n"
        f"Note: {missing_originals} originals of letters could not be fetched (not for this role, or the archive was "
        "away); letters/*.txt tells what the letters say.\n"
        if missing_originals
        else ""
    )
    return f"""证据包 {evidence.evidence_id}
Evidence pack

本包含个人信息，只可用于：{evidence.purpose}
It holds personal data, for this purpose only: {evidence.purpose}
{missing}
里面有什么 What is in it
  summary.pdf         给人看的汇总 all of it, to read
  evidence.json       完整内容 the whole content, as data
  messages/ letters/  发出的短信与信函 what left: each message as the handset shows it, each letter's values and PDF,
                      退信的扫描件 and the scan of what came back
  entries.jsonl       账本中有关的条目，一行一条 the ledger's entries that concern it, a line each
  proofs.json         每条的包含证明 the inclusion proof of each (RFC 6962, SHA-256)
  checkpoint.txt      账本的签名检查点 the ledger's signed checkpoint (C2SP tlog-checkpoint)
  handovers.json      账本密钥更换过时才有：前后两把密钥都签名的交接检查点
                      if the ledger's key ever changed: the checkpoints with which one named the next, signed by both
  verifier-key.txt    制作方声称的公钥 the public key, as the maker of the pack says

怎么核对 How to check
  1. 从别处取得账本公钥（银行自己保存的，或检查员记录的），勿只信包内的。
     Have the ledger's public key from elsewhere: the bank's own record of it. Do not trust the one in the pack.
  2. 离线运行 Run, offline:  outreach evidence verify FILE.zip --key PUB
     它核对：检查点的签名；每条账目确在签名的账本中；evidence.json 的摘要与账本条目 evidence_made 相符；
     每条短信、每封信函的承诺与放行当时记入账本的承诺相符；messages/ 与 letters/*.txt 与内容一致；
     退信扫描件与其摘要相符。
     It checks the checkpoint's signature; that each entry is in the signed ledger; that the ledger's entry
     evidence_made has the hash of evidence.json; that the commitment of each message and letter is the one that the
     ledger has had since it was released; and that messages/ and letters/*.txt are the content's, and that the scans
     of what came back have the hashes that the content tells.
  3. 不用本程序也可以：summary 之外都是公开格式。任何 RFC 6962 / RFC 9162 与 signed note 的工具都能核对。
     Without this program: everything is in public formats. Leaf hash: SHA-256(0x00 + line without line end).
     `sha256sum evidence.json` must be content_sha256 of the line with "evidence_made".

它证明不了什么 What it does not prove
  - 是否漏选条目：请导出整个账本（outreach ledger export），按编号查找。
    That no entry was left out: export the whole ledger and search it for the ids.
  - 账本是否有另一个版本：请用银行保存的见证检查点核对导出的账本（outreach ledger verify --witness）。
    That there is no second ledger: verify an export against the checkpoints that the bank keeps as a witness.
  - 承诺由个人密钥计算，密钥不出系统：须由系统方当面展示才能重算。letters/*.pdf 是盖有「副本」标记的存档件，
    摘要与原件不同。
    Commitments are made with a person's key, which stays in the installation: only there can they be recomputed.
    letters/*.pdf are archive copies marked as copies, so their hash is not the original's.
"""
