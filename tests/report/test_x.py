def test_x(make_run, make_page):
    t=make_page(make_run()).text; i=t.index("Gives"); print(t[i-50:i+500])
