"""CoNLL-U texts for tests."""

GOOD = """# newdoc id = a
# text = Go home!
1\tGo\tgo\tVERB\tVB\tMood=Imp\t0\troot\t_\t_
2\thome\thome\tADV\tRB\t_\t1\tadvmod\t_\tSpaceAfter=No
3\t!\t!\tPUNCT\t.\t_\t1\tpunct\t_\t_

1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_
1\tde\tde\tADP\t_\t_\t2\tcase\t_\t_
2\tle\tle\tDET\t_\t_\t0\troot\t_\tNE=U-ORG
2.1\tx\tx\tX\t_\t_\t_\t_\t0:root\t_

"""


def write(tmp_path, text, encoding="utf8"):
    path = tmp_path / "x.conllu"
    path.write_bytes(text.encode(encoding))
    return path
